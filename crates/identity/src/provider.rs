//! Providers of workload identity pools: whose tokens a pool takes, and what it makes of them
//! (<https://cloud.google.com/iam/docs/workload-identity-federation>).

use yaml::Mark;

use crate::member::Pool;

/// A provider of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub pool: Pool,
    pub id: String,
    /// Who signs the tokens, as `https://token.actions.githubusercontent.com`.
    pub issuer: Option<String>,
    /// Without any, the name of the provider itself is the only audience.
    pub audiences: Vec<String>,
    /// What a claim becomes, as `attribute.repository` and `assertion.repository`.
    pub mapping: Vec<(String, String)>,
    /// CEL over `assertion`, `google` and `attribute` that a token must meet.
    pub condition: Option<String>,
    /// Where it is written, if a file holds it.
    pub mark: Mark,
}

/// Issuers that sign for customers of everybody: without a condition, anybody in the world is a member of the pool. The
/// conditions are those that Google documents for the first three, by ids where those cannot be taken over by others
/// (<https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#conditions>).
const SHARED_ISSUERS: [(&str, &str, &str); 7] = [
    (
        "token.actions.githubusercontent.com",
        "GitHub Actions",
        "assertion.repository_owner == 'OWNER'",
    ),
    ("gitlab.com", "GitLab", "assertion.namespace_id == 'GROUP_ID'"),
    (
        "app.terraform.io",
        "HCP Terraform",
        "assertion.terraform_organization_id == 'ORGANIZATION_ID'",
    ),
    ("oidc.circleci.com", "CircleCI", "assertion.aud == 'ORGANIZATION_ID'"),
    (
        "agent.buildkite.com",
        "Buildkite",
        "assertion.organization_slug == 'ORGANIZATION'",
    ),
    (
        "api.pulumi.com",
        "Pulumi Cloud",
        "assertion.organization == 'ORGANIZATION'",
    ),
    ("accounts.google.com", "Google", "assertion.hd == 'DOMAIN'"),
];

/// Where the issuers of clusters are, beside that of Kubernetes itself: of EKS, AKS and GKE.
const CLUSTER_ISSUERS: [&str; 4] = [
    "oidc.eks.",
    "oic.prod-aks.azure.com",
    "container.googleapis.com",
    "kubernetes.default.svc",
];

/// A provider that lets strangers in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Who gets in.
    pub whom: String,
    /// A condition that would do, with a word to fill in.
    pub condition: &'static str,
}

impl Provider {
    /// Whether anybody with an account at the issuer is let in, since that is shared, or every namespace of a cluster:
    /// there is no condition on what tells them apart.
    pub fn exposure(&self) -> Option<Exposure> {
        if self.condition.as_deref().is_some_and(restricts) {
            return None;
        }
        let host = self.issuer.as_deref()?.strip_prefix("https://")?;
        let host = host.split('/').next()?;
        let shared = SHARED_ISSUERS.iter().find(|(shared, ..)| *shared == host);
        if let Some((_, issuer, condition)) = shared {
            return Some(Exposure {
                whom: format!("everybody who has an account at {issuer}"),
                condition,
            });
        }
        let names_claims = self.mapping.iter().any(|(_, text)| text.contains("kubernetes.io"));
        let is_of_cluster = names_claims || CLUSTER_ISSUERS.iter().any(|part| host.contains(part));
        is_of_cluster.then(|| Exposure {
            whom: "every namespace of the cluster".to_owned(),
            condition: "assertion['kubernetes.io']['namespace'] in ['NAMESPACE']",
        })
    }
}

/// Whether a condition reads anything of the token at all: `true` lets everybody in.
fn restricts(condition: &str) -> bool {
    ["assertion", "attribute", "google."]
        .iter()
        .any(|word| condition.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_issuers_need_a_condition() {
        let provider = |issuer: &str, condition: Option<&str>| Provider {
            pool: Pool::of_gke("acme"),
            id: "p".to_owned(),
            issuer: Some(issuer.to_owned()),
            audiences: Vec::new(),
            mapping: Vec::new(),
            condition: condition.map(str::to_owned),
            mark: Mark::NONE,
        };
        let github = "https://token.actions.githubusercontent.com";
        let table = [
            (github, None, true),
            (github, Some("true"), true),
            (github, Some("assertion.repository_owner == 'acme'"), false),
            (github, Some("attribute.repository.startsWith('acme/')"), false),
            ("https://gitlab.com", None, true),
            // A server of one's own signs for oneself.
            ("https://gitlab.acme.com", None, false),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/ABC", None, true),
            (
                "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC",
                Some("assertion.sub.startsWith('system:serviceaccount:ml:')"),
                false,
            ),
            (
                "https://container.googleapis.com/v1/projects/acme/locations/l/clusters/c",
                None,
                true,
            ),
        ];
        for (issuer, condition, is_open) in table {
            assert_eq!(
                provider(issuer, condition).exposure().is_some(),
                is_open,
                "{issuer} {condition:?}"
            );
        }
    }
}
