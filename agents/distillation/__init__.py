"""One policy out of several teachers: each labels the offers of its own scenario's variants, one student fits all."""
