"""What people look at: tables, pictures, bytes, captures. Every view is computed from a trace or from tables."""
