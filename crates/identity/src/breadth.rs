//! Which grants are more than anybody should have: what the rule `broad_role` and the graph say of them.

use crate::member::Member;
use crate::name::ResourceName;
use crate::role::BASIC_ROLES;

/// Why a role on a resource is more than a workload should have.
pub fn breadth(role: &str, on: &ResourceName) -> Option<&'static str> {
    let is_above = on.service() == "cloudresourcemanager.googleapis.com";
    let name = role.strip_prefix("roles/")?;
    Some(match name {
        _ if BASIC_ROLES.contains(&role) => "a basic role, with most permissions of all services",
        "iam.serviceAccountTokenCreator" | "iam.serviceAccountUser" | "iam.workloadIdentityUser" if is_above => {
            "it can be every service account in it"
        }
        "iam.securityAdmin" | "resourcemanager.projectIamAdmin" | "iam.serviceAccountKeyAdmin" => {
            "it can give itself anything"
        }
        _ if is_above && (name.ends_with(".admin") || name.ends_with("Admin") || name.ends_with(".owner")) => {
            "an administrator's role on all that is in it"
        }
        _ => return None,
    })
}

/// Whether a member is everybody on the internet.
pub fn is_public(member: &Member) -> bool {
    matches!(member, Member::AllUsers | Member::AllAuthenticatedUsers)
}
