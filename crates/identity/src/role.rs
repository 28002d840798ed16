//! What roles permit: Google's predefined roles as they were at a date, and the custom roles of a state.

use std::sync::OnceLock;

use hashbrown::HashMap;

/// Made by `cargo run -p xtask -- roles FILE DATE`: a date, the permissions, the roles with the numbers of theirs.
static PACKED: &[u8] = include_bytes!("../data/roles.deflate");

/// Google's predefined roles.
#[derive(Debug)]
pub struct PredefinedRoles {
    /// When the table was made, as `2026-08`.
    pub date: String,
    permissions: Vec<String>,
    roles: HashMap<String, PredefinedRole>,
}

/// A predefined role of the table.
#[derive(Debug)]
pub struct PredefinedRole {
    pub title: String,
    /// Sorted numbers of permissions.
    permissions: Vec<u16>,
}

/// Whether a role permits something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permits {
    Yes,
    No,
    /// Nobody knows here: the role is in no table.
    Unknown,
}

/// The roles that Google advises against: they hold most permissions of all services.
pub const BASIC_ROLES: [&str; 3] = ["roles/owner", "roles/editor", "roles/viewer"];

impl PredefinedRoles {
    /// The table that comes with the program, unpacked when it is first asked for.
    ///
    /// # Panics
    /// Never: a test reads the whole table.
    pub fn embedded() -> &'static PredefinedRoles {
        static TABLE: OnceLock<PredefinedRoles> = OnceLock::new();
        TABLE.get_or_init(|| {
            #[expect(
                clippy::expect_used,
                reason = "the table is part of the program, and a test reads it"
            )]
            let text = miniz_oxide::inflate::decompress_to_vec(PACKED).expect("the packed roles are whole");
            PredefinedRoles::read(&String::from_utf8_lossy(&text))
        })
    }

    /// Lines: the date; permissions in order, each as the length it shares with the one before and the rest; an empty
    /// line; roles as name, title and ranges of permissions, with tabs between.
    fn read(text: &str) -> PredefinedRoles {
        let mut lines = text.lines();
        let date = lines.next().unwrap_or_default().to_owned();
        let mut permissions: Vec<String> = Vec::new();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let (shared, rest) = line.split_once(' ').unwrap_or_default();
            let shared = shared.parse().unwrap_or(0);
            let before = permissions
                .last()
                .map_or("", String::as_str)
                .get(..shared)
                .unwrap_or_default();
            permissions.push(format!("{before}{rest}"));
        }
        let roles = lines.filter_map(|line| {
            let mut columns = line.split('\t');
            let (name, title, ranges) = (columns.next()?, columns.next()?, columns.next()?);
            let ranges = ranges.split(',').filter_map(|range| {
                let (first, count) = range.split_once('+').unwrap_or((range, "0"));
                let first: u16 = first.parse().ok()?;
                Some(first..=first + count.parse::<u16>().ok()?)
            });
            let role = PredefinedRole {
                title: title.to_owned(),
                permissions: ranges.flatten().collect(),
            };
            Some((name.to_owned(), role))
        });
        let roles = roles.collect();
        PredefinedRoles {
            date,
            permissions,
            roles,
        }
    }

    fn number(&self, permission: &str) -> Option<u16> {
        let at = self
            .permissions
            .binary_search_by(|known| known.as_str().cmp(permission))
            .ok()?;
        u16::try_from(at).ok()
    }

    /// Whether a permission is in any role of the table.
    pub fn knows_permission(&self, permission: &str) -> bool {
        self.number(permission).is_some()
    }

    /// A permission as the table has it, if it is in any role.
    pub fn permission<'s>(&'s self, permission: &str) -> Option<&'s str> {
        self.number(permission)
            .map(|number| self.permissions[usize::from(number)].as_str())
    }

    /// A role by its full name, as `roles/storage.objectViewer`.
    pub fn role(&self, name: &str) -> Option<&PredefinedRole> {
        self.roles.get(name)
    }

    /// Names of permissions that are like a text.
    pub fn near_permissions(&self, permission: &str) -> Vec<&str> {
        resource::nearest(permission, self.permissions.iter().map(String::as_str))
    }

    /// Names of roles that are like a text.
    pub fn near_roles(&self, role: &str) -> Vec<&str> {
        resource::nearest(role, self.roles.keys().map(String::as_str))
    }

    pub fn permits(&self, role: &str, permission: &str) -> Permits {
        let Some(role) = self.roles.get(role) else {
            return Permits::Unknown;
        };
        match self.number(permission) {
            Some(number) if role.permissions.binary_search(&number).is_ok() => Permits::Yes,
            _ => Permits::No,
        }
    }

    /// How many permissions a role has; 0 for one that is not known.
    pub fn size(&self, role: &str) -> usize {
        self.roles.get(role).map_or(0, |role| role.permissions.len())
    }

    /// How many permissions some roles have together.
    pub fn union_size(&self, roles: &[&str]) -> usize {
        let roles = roles.iter().filter_map(|role| self.roles.get(*role));
        let mut all: Vec<u16> = roles.flat_map(|role| role.permissions.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }

    /// The permissions of a role, in order.
    pub fn permissions_of<'s>(&'s self, role: &PredefinedRole) -> impl Iterator<Item = &'s str> {
        let numbers = role.permissions.clone();
        numbers
            .into_iter()
            .map(|number| self.permissions[usize::from(number)].as_str())
    }

    /// The roles that hold all of some permissions: those of the permissions' own service before others, and the one
    /// with the fewest permissions first. Roles that Google's own services are given, and those of an older time, are
    /// left out.
    pub fn holding(&self, permissions: &[&str]) -> Vec<&str> {
        let numbers: Option<Vec<u16>> = permissions.iter().map(|permission| self.number(permission)).collect();
        let Some(numbers) = numbers else {
            return Vec::new();
        };
        let holds = |role: &PredefinedRole| {
            numbers
                .iter()
                .all(|number| role.permissions.binary_search(number).is_ok())
        };
        let services: Vec<&str> = permissions
            .iter()
            .filter_map(|permission| permission.split('.').next())
            .collect();
        let is_foreign = |role: &str| {
            let service = role.strip_prefix("roles/").and_then(|name| name.split('.').next());
            !service.is_some_and(|service| services.contains(&service))
        };
        let mut found: Vec<(bool, usize, &str)> = self
            .roles
            .iter()
            .filter(|(name, role)| !is_special(name) && holds(role))
            .map(|(name, role)| (is_foreign(name), role.permissions.len(), name.as_str()))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(.., name)| name).collect()
    }
}

/// Whether a role is not for workloads: for agents of Google's services, for access lists of an older time, for
/// migrations, for accounts without a project, for logs that hold personal data.
fn is_special(role: &str) -> bool {
    let is_of_service = ["erviceAgent", "Service"].iter().any(|end| role.ends_with(end));
    let words = ["legacy", "express", "igration", "private", "routine"];
    is_of_service || words.iter().any(|word| role.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_read() {
        let table = PredefinedRoles::embedded();
        assert_eq!(table.date.len(), "2026-08".len());
        assert!(table.roles.len() > 250 && table.permissions.is_sorted());
        for role in table.roles.values() {
            assert!(role.permissions.is_sorted());
            assert!(
                role.permissions
                    .iter()
                    .all(|at| usize::from(*at) < table.permissions.len())
            );
        }
    }

    #[test]
    fn roles_permit_what_google_says() {
        let table = PredefinedRoles::embedded();
        let rows = [
            ("roles/storage.objectViewer", "storage.objects.get", Permits::Yes),
            ("roles/storage.objectViewer", "storage.objects.create", Permits::No),
            (
                "roles/iam.workloadIdentityUser",
                "iam.serviceAccounts.getAccessToken",
                Permits::Yes,
            ),
            (
                "roles/iam.serviceAccountUser",
                "iam.serviceAccounts.actAs",
                Permits::Yes,
            ),
            ("roles/aiplatform.user", "aiplatform.customJobs.create", Permits::Yes),
            ("roles/aiplatform.user", "iam.serviceAccounts.actAs", Permits::No),
            ("roles/owner", "storage.objects.get", Permits::Unknown),
        ];
        for (role, permission, permits) in rows {
            assert_eq!(table.permits(role, permission), permits, "{role} {permission}");
        }
    }

    #[test]
    fn the_smallest_role_comes_first() {
        let table = PredefinedRoles::embedded();
        let first = |permissions: &[&str]| table.holding(permissions).first().copied();
        assert_eq!(
            first(&["secretmanager.versions.access"]),
            Some("roles/secretmanager.secretAccessor")
        );
        assert_eq!(
            first(&["iam.serviceAccounts.actAs"]),
            Some("roles/iam.serviceAccountUser")
        );
        assert_eq!(first(&["no.such.permission"]), None);
        let role = table.role("roles/secretmanager.secretAccessor").unwrap();
        assert!(
            table
                .permissions_of(role)
                .any(|name| name == "secretmanager.versions.access")
        );
    }
}
