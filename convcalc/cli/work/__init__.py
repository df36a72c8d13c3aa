"""What commands do, whoever reads the call: values are what they mean, and nothing here needs Typer."""
