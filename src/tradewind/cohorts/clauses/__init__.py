"""The clauses of a rule, one file each: how it is written, said in a sentence, and asked of a person's events."""
