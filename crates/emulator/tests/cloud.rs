//! A cloud of a test's own, in this process.

use std::path::{Path, PathBuf};

use emulator::{ContainerRuntime, Emulator, Iam, Settings};
use identity::{Member, State};
use serde_json::Value as Json;
use tempfile::TempDir;

/// A cloud that listens on a port of its own, with a state of its own.
pub(crate) struct Cloud {
    pub(crate) url: String,
    runtime: Option<tokio::runtime::Runtime>,
    pub(crate) directory: TempDir,
}

/// Facts in the form of gcloud's policies: the resource, and its policy.
pub(crate) fn granted(policies: &[(&str, Json)]) -> State {
    let mut state = State::default();
    for (resource, policy) in policies {
        let source = yaml::Sources::new().add("policy.json", policy.to_string());
        let resource = identity::ResourceName::parse(resource).unwrap();
        state.read(&source, Some(&resource)).unwrap();
    }
    state
}

impl Cloud {
    /// A cloud with tokens called `ann`, `bob` and `cleo`, each a user of `acme.com`.
    pub(crate) fn new(iam: Iam, granted: State) -> Cloud {
        Cloud::at(tempfile::tempdir().unwrap(), iam, granted)
    }

    pub(crate) fn at(directory: TempDir, iam: Iam, granted: State) -> Cloud {
        let cloud = Cloud::on(directory.path(), iam, granted);
        Cloud { directory, ..cloud }
    }

    /// A cloud with other tokens.
    pub(crate) fn with_tokens(iam: Iam, granted: State, tokens: Vec<(String, Member)>) -> Cloud {
        let directory = tempfile::tempdir().unwrap();
        let cloud = Cloud::start(directory.path(), iam, ContainerRuntime::Process, granted, tokens);
        Cloud { directory, ..cloud }
    }

    /// A cloud whose jobs are containers, and which looks at no grants.
    pub(crate) fn with_runtime(runtime: ContainerRuntime) -> Cloud {
        let directory = tempfile::tempdir().unwrap();
        let tokens = vec![("ann".to_owned(), "user:ann@acme.com".parse().unwrap())];
        let cloud = Cloud::start(directory.path(), Iam::Off, runtime, State::default(), tokens);
        Cloud { directory, ..cloud }
    }

    /// A cloud over a state that stays where it is.
    pub(crate) fn on(state: &Path, iam: Iam, granted: State) -> Cloud {
        let member = |text: &str| -> Member { text.parse().unwrap() };
        let tokens = vec![
            ("ann".to_owned(), member("user:ann@acme.com")),
            ("bob".to_owned(), member("user:bob@acme.com")),
            ("cleo".to_owned(), member("user:cleo@acme.com")),
        ];
        Cloud::start(state, iam, ContainerRuntime::Process, granted, tokens)
    }

    fn start(
        state: &Path,
        iam: Iam,
        runtime: ContainerRuntime,
        granted: State,
        tokens: Vec<(String, Member)>,
    ) -> Cloud {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            state: state.to_owned(),
            iam,
            runtime,
            granted,
            tokens,
            project: "acme-dev".to_owned(),
            account: Some("trainer@acme-dev.iam.gserviceaccount.com".to_owned()),
        };
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let emulator = threads.block_on(Emulator::start(settings)).unwrap();
        let url = format!("http://{}", emulator.address());
        threads.spawn(emulator.serve());
        Cloud {
            url,
            runtime: Some(threads),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Stops the cloud and keeps its state.
    pub(crate) fn stop(mut self) -> TempDir {
        drop(self.runtime.take());
        std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap())
    }

    /// A call; its code of HTTP and its body.
    pub(crate) fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<Json>) -> (u16, Json) {
        let (code, _, body) = self.challenged(method, path, token, body);
        (code, body)
    }

    /// A call; its code of HTTP, its challenge and its body.
    pub(crate) fn challenged(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Json>,
    ) -> (u16, String, Json) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if path.starts_with("/computeMetadata") {
            request = request.header("metadata-flavor", "Google");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let mut response = agent.run(request).unwrap();
        let challenge = response.headers().get("www-authenticate");
        let challenge = challenge
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default();
        let text = response.body_mut().read_to_string().unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Json::String(text));
        (response.status().as_u16(), challenge, json)
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: Json) -> (u16, Json) {
        self.call("POST", path, Some(token), Some(body))
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> (u16, Json) {
        self.call("GET", path, Some(token), None)
    }
}

/// A Python with the clients of `tests/python/requirements.txt`, if there is one: `TERRACE_TEST_PYTHON`, or a virtual
/// environment in `target/test-python`.
pub(crate) fn python() -> Option<PathBuf> {
    let named = std::env::var_os("TERRACE_TEST_PYTHON").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-python/bin/python");
    named.into_iter().chain([own]).find(|path| path.exists())
}
