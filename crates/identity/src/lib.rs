//! Who may do what: subjects, grants and the links between Kubernetes and Google, and one pure decision over them.
//!
//! [`State`] holds what is granted; [`Reasoner::decide`] says whether a subject has a permission on a resource, and why.

mod breadth;
mod condition;
mod decide;
mod documents;
mod drift;
mod exchange;
mod explain;
mod grant;
pub mod graph;
mod landscape;
pub mod matrix;
mod member;
mod method;
mod name;
mod needs;
pub mod network;
mod plan;
mod policy;
mod provider;
pub mod rbac;
mod removal;
mod role;
mod source;
mod state;
mod tree;

pub use breadth::{breadth, is_public};
pub use condition::Verdict;
pub use decide::{Access, Decision, Grant, Missed, NearMiss, Reasoner};
pub use documents::Documents;
pub use drift::{AuditLog, Change, Drift, DriftKind, drift};
pub use exchange::{Exchange, Principal, claims_of_account};
pub use explain::{Acting, Explanation, IMPERSONATION, LAUNCHING, Link};
pub use expression::Timestamp;
pub use grant::{NewGrant, distinguish};
pub use landscape::{AccountLink, Doubt, Identity, Landscape, NeedVerdict, is_default_account, is_service_agent};
pub use member::{Member, Pool, PoolKind, Set};
pub use method::{Method, Methods};
pub use name::{NameError, ResourceName, project_of_account};
pub use needs::credential::Credential;
pub use needs::{MalformedNeed, Need};
pub use plan::{CustomRole, CustomRoles, Plan, PlannedGrant, Reason, TOO_BROAD, Unmet};
pub use policy::{Binding, Condition, DenyRule, Policy, PolicyError};
pub use provider::{Exposure, Provider};
pub use removal::{GrantName, NoGrant, Removal};
pub use role::{BASIC_ROLES, Permits, PredefinedRole, PredefinedRoles, RolesError};
pub use source::StateError;
pub use state::{AccountKey, State, Unresolved};
pub use tree::{Account, GOOGLE_ACCOUNT, Place, Run, RunsAs, Tree};
