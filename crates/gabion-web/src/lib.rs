//! What every HTTP handler of the control plane needs: problems, actors, pages, idempotency keys, CSRF.
