"""Pretrained networks that turn pixels into feature maps."""
