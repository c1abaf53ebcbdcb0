//! The front door: listeners, TLS, routes, balancing and proxying. Has no database.
