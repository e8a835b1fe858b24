"""A small bank: customers, accounts, transfers."""
