"""Objects: large sealed values outside the databases, in a folder or in S3."""
