"""google-auth against the metadata server, the token service and IAM Credentials."""

import json
import os
import time

import google.auth
import google.auth.transport.requests
import pytest
import requests
from google.auth import compute_engine, exceptions, identity_pool, impersonated_credentials

URL = os.environ["CLOUD_URL"]
ANN = {"Authorization": "Bearer ann"}
TRAINER = "trainer@acme-dev.iam.gserviceaccount.com"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


def transport():
    return google.auth.transport.requests.Request()


def pool(subject_condition=None):
    """Makes a pool with a provider that takes the tokens of the cloud's own cluster."""
    at = f"{URL}/v1/projects/acme-dev/locations/global/workloadIdentityPools"
    made = requests.post(f"{at}?workloadIdentityPoolId=cluster", headers=ANN, json={})
    assert made.status_code in (200, 409), made.text
    provider = {
        "oidc": {"issuerUri": f"{URL}/oidc"},
        "attributeMapping": {"google.subject": "assertion.sub"},
    }
    if subject_condition:
        provider["attributeCondition"] = subject_condition
    name = f"p{int(time.time() * 1e6) % 10**9}"
    made = requests.post(f"{at}/cluster/providers?workloadIdentityPoolProviderId={name}", headers=ANN, json=provider)
    assert made.status_code == 200, made.text
    return f"//iam.googleapis.com/projects/acme-dev/locations/global/workloadIdentityPools/cluster/providers/{name}"


def kubernetes_token(audience, account="trainer", seconds=3600):
    path = f"{URL}/oidc/api/v1/namespaces/iris/serviceaccounts/{account}/token"
    body = {"spec": {"audiences": [audience], "expirationSeconds": seconds}}
    made = requests.post(path, json=body)
    assert made.status_code == 201, made.text
    return made.json()["status"]["token"]


def federated(tmp_path, audience, token, impersonate=None):
    file = tmp_path / "token"
    file.write_text(token)
    info = {
        "type": "external_account",
        "audience": audience,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{URL}/v1/token",
        "credential_source": {"file": str(file)},
    }
    if impersonate:
        info["service_account_impersonation_url"] = (
            f"{URL}/v1/projects/-/serviceAccounts/{impersonate}:generateAccessToken"
        )
    return identity_pool.Credentials.from_info(info).with_scopes(SCOPES)


def may_act_as_trainer(member):
    at = f"{URL}/v1/projects/acme-dev/serviceAccounts"
    requests.post(at, headers=ANN, json={"accountId": "trainer"})
    policy = {"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": [member]}]}
    set_ = requests.post(f"{at}/{TRAINER}:setIamPolicy", headers=ANN, json={"policy": policy})
    assert set_.status_code == 200, set_.text


def test_the_metadata_server_gives_a_token():
    credentials = compute_engine.Credentials()
    credentials.refresh(transport())
    assert credentials.token.startswith("ya29.")
    assert credentials.service_account_email == TRAINER


def test_application_default_credentials_find_the_metadata_server(monkeypatch):
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    monkeypatch.delenv("NO_GCE_CHECK", raising=False)
    credentials, project = google.auth.default(scopes=SCOPES)
    assert project == "acme-dev"
    credentials.refresh(transport())
    assert credentials.valid


def test_a_token_of_the_cluster_is_exchanged(tmp_path):
    audience = pool()
    credentials = federated(tmp_path, audience, kubernetes_token("https:" + audience))
    credentials.refresh(transport())
    assert credentials.token.startswith("ya29.")


def test_a_federated_principal_acts_as_an_account_once_it_may(tmp_path):
    audience = pool()
    token = kubernetes_token("https:" + audience)
    credentials = federated(tmp_path, audience, token, impersonate=TRAINER)
    may_act_as_trainer("user:nobody@acme.com")
    with pytest.raises(exceptions.RefreshError, match="iam.serviceAccounts.getAccessToken"):
        credentials.refresh(transport())
    may_act_as_trainer(
        "principal://iam.googleapis.com/projects/acme-dev/locations/global/workloadIdentityPools/cluster"
        "/subject/system:serviceaccount:iris:trainer"
    )
    credentials.refresh(transport())
    assert credentials.token.startswith("ya29.")


def test_a_condition_refuses_other_accounts(tmp_path):
    audience = pool("assertion.sub == 'system:serviceaccount:iris:trainer'")
    other = kubernetes_token("https:" + audience, account="other")
    with pytest.raises(exceptions.OAuthError, match="attribute condition"):
        federated(tmp_path, audience, other).refresh(transport())
    right = kubernetes_token("https:" + audience)
    federated(tmp_path, audience, right).refresh(transport())


def test_tokens_that_are_for_others_or_forged_are_refused(tmp_path):
    audience = pool()
    for token in [
        kubernetes_token("https://somebody.else"),
        kubernetes_token("https:" + audience)[:-8] + "AAAAAAAA",
        "no.token.atall",
    ]:
        with pytest.raises(exceptions.OAuthError, match="invalid_grant"):
            federated(tmp_path, audience, token).refresh(transport())
    unknown = audience.rsplit("/", 1)[0] + "/unknown"
    with pytest.raises(exceptions.OAuthError, match="invalid_target"):
        federated(tmp_path, unknown, kubernetes_token("https:" + unknown)).refresh(transport())


def test_impersonation_from_a_user(monkeypatch):
    from google.oauth2.credentials import Credentials

    may_act_as_trainer("user:bob@acme.com")
    at = f"{URL}/v1/projects/acme-dev/serviceAccounts/{TRAINER}"
    policy = {"bindings": [{"role": "roles/iam.serviceAccountTokenCreator", "members": ["user:bob@acme.com"]}]}
    requests.post(f"{at}:setIamPolicy", headers=ANN, json={"policy": policy})
    credentials = impersonated_credentials.Credentials(
        source_credentials=Credentials("bob"),
        target_principal=TRAINER,
        target_scopes=SCOPES,
        iam_endpoint_override=f"{URL}/v1/projects/-/serviceAccounts/{TRAINER}:generateAccessToken",
    )
    credentials.refresh(transport())
    assert credentials.valid


def test_a_stale_etag_is_refused():
    at = f"{URL}/v1/projects/acme-dev"
    policy = requests.post(f"{at}:getIamPolicy", headers=ANN, json={}).json()
    policy["bindings"].append({"role": "roles/viewer", "members": ["user:eve@acme.com"]})
    first = requests.post(f"{at}:setIamPolicy", headers=ANN, json={"policy": policy})
    assert first.status_code == 200, first.text
    second = requests.post(f"{at}:setIamPolicy", headers=ANN, json={"policy": policy})
    assert second.status_code == 409
    assert second.json()["error"]["status"] == "ABORTED"
    assert json.loads(first.text)["etag"] != policy["etag"]
