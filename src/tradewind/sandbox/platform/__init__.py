"""What is made of segments at the emulated platform: data groups, audiences, seeds; by REST and GraphQL."""
