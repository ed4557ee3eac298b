"""Writes the outputs of a pipeline to stores: databases, lakes and warehouses."""
