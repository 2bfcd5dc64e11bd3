"""The rollback: `state` is what is known of one, `sequence` the order of doing, `pieces` each piece of work."""
