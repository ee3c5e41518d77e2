"""What is decided about: scenarios, generated and recorded jobs, and the Gymnasium environment over the simulator."""
