"""The Django side of Coverslip."""
