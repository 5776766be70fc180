"""Backups: everything a home holds, in one sealed file, and that file opened again."""
