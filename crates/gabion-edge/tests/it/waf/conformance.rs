//! The regression cases of the OWASP Core Rule Set through a real socket.
