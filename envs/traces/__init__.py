"""Recorded job traces: readers for Parquet, CSV and the Standard Workload Format, and how a trace becomes jobs."""
