"""Training: logistic heads, the loop for networks, calibration."""
