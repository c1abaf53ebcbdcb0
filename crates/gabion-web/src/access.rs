//! Extractors that are policy: a handler's arguments say who may call it.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::auth::verified;
use crate::{Principal, Problem, Role, Scope, Staff};

/// Something a person's role or a key's scope allows. Declared by marker types: `By<ReadEvents>`.
pub trait Permission: Send + Sync + 'static {
    /// What an API key needs.
    const SCOPE: Scope;
    /// Whether a role allows it.
    fn allows(role: Role) -> bool;
}

macro_rules! permission {
    ($(#[$doc:meta])* $name:ident, $scope:expr, $role:ident => $allows:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Permission for $name {
            const SCOPE: Scope = $scope;
            fn allows($role: Role) -> bool {
                $allows
            }
        }
    };
}

permission!(
    /// Reading state: any role, or a key with `read`.
    Read, Scope::Read, _role => true
);
permission!(
    /// Reading events: any role (auditors masked), or a key with `events:read`.
    ReadEvents, Scope::EventsRead, _role => true
);
permission!(
    /// Reading the staff list: owners and auditors, or a key with `staff:read`.
    ReadStaff, Scope::StaffRead, role => matches!(role, Role::Owner | Role::Auditor)
);
permission!(
    /// Changing settings: operators and owners, or a key with `config:write`.
    ConfigWrite, Scope::ConfigWrite, role => role.operates()
);
permission!(
    /// Draining, maintenance, bypass: operators and owners, or a key with `edge:write`.
    EdgeWrite, Scope::EdgeWrite, role => role.operates()
);

/// Whoever made the request, allowed to do `P`: a person by role or a program by scope.
///
/// # Errors
/// 401 without a principal, 403 `forbidden` with the missing scope or role.
#[derive(Clone, Debug)]
pub struct By<P> {
    /// Who it is.
    pub principal: Principal,
    permission: PhantomData<P>,
}

impl<P: Permission, S: Sync> FromRequestParts<S> for By<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let principal = verified(parts)?.principal.clone();
        match &principal {
            Principal::Staff(staff) if !P::allows(staff.role) => Err(role_forbids(staff.role)),
            Principal::ApiKey(key) if !key.scopes.allow(P::SCOPE) => {
                Err(Problem::forbidden(format!("this API key lacks the scope {}", P::SCOPE)))
            }
            Principal::Staff(_) | Principal::ApiKey(_) => Ok(Self { principal, permission: PhantomData }),
        }
    }
}

macro_rules! person {
    ($(#[$doc:meta])* $name:ident, $role:ident => $allows:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// 401 without a session, 403 `forbidden` for API keys and other roles.
        #[derive(Clone, Debug)]
        pub struct $name(pub Staff);

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
                let staff = person(parts)?;
                let $role = staff.role;
                if $allows { Ok(Self(staff)) } else { Err(role_forbids(staff.role)) }
            }
        }
    };
}

person!(
    /// A person of any role.
    Viewer, _role => true
);
person!(
    /// A person who may run the protection: operator or owner.
    Operator, role => role.operates()
);
person!(
    /// A person who may do everything.
    Owner, role => role == Role::Owner
);

pub(crate) fn person(parts: &Parts) -> Result<Staff, Problem> {
    match &verified(parts)?.principal {
        Principal::Staff(staff) => Ok(staff.clone()),
        Principal::ApiKey(_) => {
            Err(Problem::forbidden("this needs a person who is signed in, not an API key"))
        }
    }
}

fn role_forbids(role: Role) -> Problem {
    Problem::forbidden(format!("the role {role} may not do this"))
}
