//! A server that answers each request as a test says.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A request as it came.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path, with the query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The bytes to send, and what comes after them.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// Says nothing more for so long, before the connection is closed.
    pub(crate) silence: Duration,
}

impl Answer {
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Answer {
        Answer {
            bytes: bytes.into(),
            silence: Duration::ZERO,
        }
    }

    pub(crate) fn status(line: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        Answer::raw(format!(
            "HTTP/1.1 {line}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}"
        ))
    }

    pub(crate) fn ok(body: &str) -> Answer {
        Answer::status("200 OK", "content-type: text/yaml\r\n", body)
    }

    pub(crate) fn redirect(to: &str) -> Answer {
        Answer::status("302 Found", &format!("location: {to}\r\n"), "")
    }
}

/// It lives as long as the process of the test.
pub(crate) struct HttpServer {
    pub(crate) port: u16,
    asked: Arc<AtomicUsize>,
}

impl HttpServer {
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> HttpServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, count) = (answer.clone(), count.clone());
                thread::spawn(move || serve(stream, &*answer, &count));
            }
        });
        HttpServer { port, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Answer, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some(request) = read(&mut reader) else { return };
    count.fetch_add(1, Ordering::SeqCst);
    let answer = answer(&request);
    // A client may hang up early.
    let _ = stream.write_all(&answer.bytes);
    thread::sleep(answer.silence);
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_ascii_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
        }
    }
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    if request.header("transfer-encoding").is_some_and(|how| how == "chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            request.body.extend_from_slice(&chunk[..size]);
        }
    } else if let Some(length) = request.header("content-length").and_then(|length| length.parse().ok()) {
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}
