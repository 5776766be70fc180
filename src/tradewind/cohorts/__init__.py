"""The cohort language: text to rules, rules to SQL, rules to a sentence."""
