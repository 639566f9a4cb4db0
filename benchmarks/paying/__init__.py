"""Companies with bills to pay, the product's processes around them, and QuickBooks' own books to judge by: for the proofs of payments."""
