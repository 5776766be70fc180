"""What the operator wants: projects, cohorts, connections and syncs, as rows and as YAML."""
