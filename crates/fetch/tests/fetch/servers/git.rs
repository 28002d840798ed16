//! Repositories, and `git http-backend` behind the HTTP server.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Answer, HttpServer, Request};

/// Runs `git` as a test does: as nobody in particular, with no configuration of the user.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(["-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(directory)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with a working tree.
pub(crate) struct Repository {
    pub(crate) path: PathBuf,
}

impl Repository {
    /// A repository with some files, on the branch `main`.
    pub(crate) fn new(path: PathBuf, files: &[(&str, &str)]) -> Repository {
        fs::create_dir_all(&path).unwrap();
        git(&path, &["init", "--quiet"]);
        let repository = Repository { path };
        repository.commit(files);
        repository
    }

    /// Writes files and commits everything that is there; gives the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            let path = self.path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "a change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }
}

/// Serves the repositories below a directory over HTTP.
pub(crate) struct GitServer {
    pub(crate) http: HttpServer,
}

impl GitServer {
    pub(crate) fn start(root: PathBuf) -> GitServer {
        let http = HttpServer::start(move |request| answer(&root, request));
        GitServer { http }
    }

    /// Serves them to one user with one password.
    pub(crate) fn start_with_password(root: PathBuf, authorization: &'static str) -> GitServer {
        let http = HttpServer::start(move |request| match request.header("authorization") {
            Some(given) if given == authorization => answer(&root, request),
            _ => Answer::status("401 Unauthorized", "www-authenticate: Basic realm=\"git\"\r\n", ""),
        });
        GitServer { http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.http.url(path)
    }
}

/// One request, through the CGI program that Git brings.
pub(crate) fn answer(root: &Path, request: &Request) -> Answer {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    for (header, variable) in [
        ("git-protocol", "GIT_PROTOCOL"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
    ] {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let body = request.body.clone();
    let writer = std::thread::spawn(move || drop(input.write_all(&body)));
    let out = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let text = String::from_utf8_lossy(&out);
    let status = text
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let line = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    Answer::raw([line.as_bytes(), &out].concat())
}
