//! A real `sshd` on loopback, with keys of its own, for this user alone.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It ends with the test.
pub(crate) struct SshServer {
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl SshServer {
    /// Keeps its keys in an empty directory. Nothing where there is no `sshd`, and says so.
    pub(crate) fn start(directory: &Path) -> Option<SshServer> {
        let Some(sshd) = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
            .map(Path::new)
            .into_iter()
            .find(|path| path.exists())
        else {
            eprintln!("skipped: there is no sshd here (Debian: apt-get install openssh-server)");
            return None;
        };
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(directory.join(key))
                .status();
            assert!(made.unwrap().success());
        }
        fs::copy(directory.join("user.pub"), directory.join("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let here = directory.display();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {here}/host\nAuthorizedKeysFile {here}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        );
        fs::write(directory.join("sshd_config"), settings).unwrap();
        if sshd.starts_with("/usr/sbin") && cfg!(target_os = "linux") {
            // Where the package's own service never ran, its directory is not there.
            let _ = fs::create_dir_all("/run/sshd");
        }
        let mut child = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(directory.join("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = child.try_wait().unwrap().is_some();
            if has_ended || Instant::now() > deadline {
                eprintln!("skipped: sshd does not start here");
                let _ = child.kill();
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(SshServer {
            child,
            directory: directory.to_owned(),
            port,
        })
    }

    pub(crate) fn url(&self, path: &Path) -> String {
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        format!("ssh://{user}@127.0.0.1:{}{}", self.port, path.display())
    }

    /// The `ssh` that a user who may log in would have chosen.
    pub(crate) fn command_with_key(&self) -> String {
        format!(
            "ssh -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oIdentitiesOnly=yes -i {}",
            self.directory.join("user").display()
        )
    }

    /// The same without the key: the server would ask for a password.
    pub(crate) fn command_without_key(&self) -> String {
        "ssh -oBatchMode=yes -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oIdentitiesOnly=yes -i /dev/null"
            .to_owned()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
