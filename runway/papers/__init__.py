"""What leaves on paper or by mail: the digest as a letter and as a PDF, from its figures alone."""
