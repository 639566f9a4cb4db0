"""How well rules say when invoices are paid: ours beside those that other products use, on companies whose payers are known."""
