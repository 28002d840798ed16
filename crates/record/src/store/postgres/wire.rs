//! As much of PostgreSQL's protocol (version 3.0, <https://www.postgresql.org/docs/current/protocol.html>) as a record needs:
//! a login, an encrypted connection, and statements with parameters, several of them in one round.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::scram::Scram;
use super::target::Target;

const CONNECT: Duration = Duration::from_secs(10);
/// For an answer; somebody else may write meanwhile.
const ANSWER: Duration = Duration::from_secs(60);
/// No message that is expected here is as long.
const LONGEST: usize = 256 << 20;

/// What went wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("{0}")]
    Connection(String),
    /// The server's own words, and its code (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
    #[error("{message}")]
    Server { code: String, message: String },
}

impl From<std::io::Error> for WireError {
    fn from(error: std::io::Error) -> WireError {
        WireError::Connection(match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("no answer within {} s", ANSWER.as_secs()),
            ErrorKind::UnexpectedEof => "the server ended the connection".to_owned(),
            _ => error.to_string(),
        })
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One connection, logged in.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

/// A row of texts.
pub(super) type Cells = Vec<Option<String>>;

/// A statement and its parameters, as texts.
pub(super) struct Statement<'s> {
    pub(super) text: &'s str,
    pub(super) parameters: Vec<String>,
}

/// Messages that are sent together.
#[derive(Default)]
struct Outgoing(Vec<u8>);

impl Outgoing {
    fn message(&mut self, kind: Option<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.0.extend(kind);
        let start = self.0.len();
        self.0.extend([0; 4]);
        write(&mut self.0);
        let length = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
        self.0[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

impl Connection {
    pub(super) fn open(target: &Target) -> Result<Connection, WireError> {
        let stream = connect(target)?;
        let mut connection = Connection {
            stream: BufReader::with_capacity(64 << 10, stream),
        };
        let mut out = Outgoing::default();
        out.message(None, |out| {
            out.extend(196_608_u32.to_be_bytes());
            for (name, value) in [
                ("user", &*target.user),
                ("database", &target.database),
                ("application_name", "terrace"),
                ("client_encoding", "UTF8"),
            ] {
                text(out, name);
                text(out, value);
            }
            out.push(0);
        });
        connection.send(&out)?;
        connection.log_in(target)?;
        Ok(connection)
    }

    fn log_in(&mut self, target: &Target) -> Result<(), WireError> {
        let refuse = |what: &str| Err(WireError::Connection(what.to_owned()));
        let mut scram: Option<Scram> = None;
        let mut is_known = false;
        loop {
            let (kind, body) = self.receive()?;
            let said = |from: usize| String::from_utf8_lossy(body.get(from..).unwrap_or_default()).into_owned();
            match (kind, number(&body)) {
                (b'E', _) => return Err(server_error(&body)),
                // Who was asked for a proof is to give one, too.
                (b'R', 0) | (b'Z', _) if scram.is_some() && !is_known => {
                    return refuse("the server does not know the password itself");
                }
                (b'Z', _) => return Ok(()),
                (b'R', 0) => {}
                (b'R', 10) => {
                    if !said(4).split('\0').any(|name| name == "SCRAM-SHA-256") {
                        return refuse("the server knows no way to log in that is taken here: SCRAM-SHA-256");
                    }
                    let Some(password) = &target.password else {
                        return refuse("the server asks for a password: set PGPASSWORD");
                    };
                    let Some(login) = Scram::new(password) else {
                        return refuse("the system gives no random numbers");
                    };
                    let first = login.first();
                    scram = Some(login);
                    let mut out = Outgoing::default();
                    out.message(Some(b'p'), |out| {
                        text(out, "SCRAM-SHA-256");
                        out.extend(u32::try_from(first.len()).unwrap_or_default().to_be_bytes());
                        out.extend(first.bytes());
                    });
                    self.send(&out)?;
                }
                (b'R', 11) => {
                    let Some(last) = scram.as_mut().and_then(|scram| scram.last(&said(4))) else {
                        return refuse("the server's part of the login makes no sense");
                    };
                    let mut out = Outgoing::default();
                    out.message(Some(b'p'), |out| out.extend(last.bytes()));
                    self.send(&out)?;
                }
                (b'R', 12) => is_known = scram.as_ref().is_some_and(|scram| scram.is_proven(&said(4))),
                (b'R', _) => {
                    return refuse(
                        "the server asks for a password in a form that others could use: set it to scram-sha-256",
                    );
                }
                _ => {}
            }
        }
    }

    /// Runs statements in one round; the rows of the last that had any. After an error, those behind it did not run.
    pub(super) fn run(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Cells>, WireError> {
        let mut out = Outgoing::default();
        let mut parsed = "";
        for statement in statements {
            if statement.text != parsed {
                parsed = statement.text;
                out.message(Some(b'P'), |out| {
                    text(out, "");
                    text(out, statement.text);
                    out.extend([0, 0]);
                });
            }
            out.message(Some(b'B'), |out| {
                // The unnamed portal and statement; texts in, texts out.
                out.extend([0, 0, 0, 0]);
                out.extend(
                    u16::try_from(statement.parameters.len())
                        .unwrap_or_default()
                        .to_be_bytes(),
                );
                for parameter in &statement.parameters {
                    out.extend(u32::try_from(parameter.len()).unwrap_or_default().to_be_bytes());
                    out.extend(parameter.bytes());
                }
                out.extend([0, 0]);
            });
            out.message(Some(b'E'), |out| out.extend([0; 5]));
        }
        out.message(Some(b'S'), |_| {});
        self.send(&out)?;
        self.answers()
    }

    /// Runs statements without parameters that stand in one text.
    pub(super) fn run_text(&mut self, statements: &str) -> Result<(), WireError> {
        let mut out = Outgoing::default();
        out.message(Some(b'Q'), |out| text(out, statements));
        self.send(&out)?;
        self.answers().map(drop)
    }

    /// What comes until the server waits again.
    fn answers(&mut self) -> Result<Vec<Cells>, WireError> {
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            let (kind, body) = self.receive()?;
            match kind {
                b'D' => {
                    rows.push(cells(&body).ok_or_else(|| WireError::Connection("a row makes no sense".to_owned()))?)
                }
                b'E' => failure = failure.or(Some(server_error(&body))),
                b'Z' => break,
                // Notices, numbers of rows, names of columns.
                _ => {}
            }
        }
        failure.map_or(Ok(rows), Err)
    }

    fn send(&mut self, out: &Outgoing) -> Result<(), WireError> {
        let stream = self.stream.get_mut();
        stream.write_all(&out.0)?;
        Ok(stream.flush()?)
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>), WireError> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let length = number(&head[1..]) as usize;
        if !(4..=LONGEST).contains(&length) {
            return Err(WireError::Connection("this is no PostgreSQL server".to_owned()));
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut out = Outgoing::default();
        out.message(Some(b'X'), |_| {});
        // It ends anyway.
        let _ = self.send(&out);
    }
}

fn connect(target: &Target) -> Result<Box<dyn Stream>, WireError> {
    #[cfg(unix)]
    if target.host.starts_with('/') {
        let stream = UnixStream::connect(format!("{}/.s.PGSQL.{}", target.host, target.port))?;
        stream.set_read_timeout(Some(ANSWER))?;
        return Ok(Box::new(stream));
    }
    let mut failure = None;
    for address in (&*target.host, target.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(ANSWER))?;
                stream.set_nodelay(true)?;
                return if target.is_encrypted {
                    encrypted(target, stream)
                } else {
                    Ok(Box::new(stream))
                };
            }
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.map_or_else(
        || WireError::Connection("the host has no address".to_owned()),
        WireError::from,
    ))
}

fn encrypted(target: &Target, mut stream: TcpStream) -> Result<Box<dyn Stream>, WireError> {
    let wrong = |what: String| WireError::Connection(what);
    stream.write_all(&[8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat())?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    if answer != *b"S" {
        return Err(wrong(
            "the server does not encrypt; sslmode=disable in the URL goes without".to_owned(),
        ));
    }
    let mut roots = RootCertStore::empty();
    match &target.roots {
        Some(file) => {
            let certificates = CertificateDer::pem_file_iter(file);
            let certificates = certificates.and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>());
            let certificates = certificates.map_err(|error| wrong(format!("the certificates in {file}: {error}")))?;
            roots.add_parsable_certificates(certificates);
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(target.host.clone());
    let name = name.map_err(|_| wrong(format!("\"{}\" is no name of a server", target.host)))?;
    let client = ClientConnection::new(Arc::new(config), name).map_err(|error| wrong(error.to_string()))?;
    Ok(Box::new(StreamOwned::new(client, stream)))
}

/// The first four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn cells(body: &[u8]) -> Option<Cells> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut cells = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = i32::from_be_bytes(*length);
        let Ok(length) = usize::try_from(length) else {
            cells.push(None);
            rest = after;
            continue;
        };
        let (cell, after) = after.split_at_checked(length)?;
        cells.push(Some(String::from_utf8_lossy(cell).into_owned()));
        rest = after;
    }
    Some(cells)
}

fn server_error(body: &[u8]) -> WireError {
    let fields = body.split(|byte| *byte == 0).filter_map(|field| field.split_first());
    let (mut code, mut message) = (String::new(), String::new());
    for (kind, value) in fields {
        let value = String::from_utf8_lossy(value).into_owned();
        match kind {
            b'C' => code = value,
            b'M' => message = value,
            _ => {}
        }
    }
    WireError::Server { code, message }
}
