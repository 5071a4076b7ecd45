"""Contrastive pretraining on slides without labels."""
