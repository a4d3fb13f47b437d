"""Gravity: estimates of what distance, borders and ties do to trade."""
