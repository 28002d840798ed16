//! The three streams of a program, each served by a thread, so that none of them waits for another.

use std::io::{self, Read, Write};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Something happened to the streams.
pub(crate) enum Event {
    /// One of them came to its end.
    Closed,
    /// Standard output is longer than it may be.
    TooMuch,
}

enum Message {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    TooMuch,
}

/// What is read from a program while it runs.
pub(crate) struct Streams {
    messages: Receiver<Message>,
    stdout: Option<Vec<u8>>,
    stderr: Option<Vec<u8>>,
}

impl Streams {
    pub(crate) fn start(child: &mut Child, stdin: Option<Vec<u8>>, limit: usize) -> Streams {
        let (sender, messages) = channel();
        if let (Some(mut stream), Some(bytes)) = (child.stdin.take(), stdin) {
            // A program need not read what it is given.
            std::thread::spawn(move || drop(stream.write_all(&bytes)));
        }
        if let Some(stream) = child.stdout.take() {
            let sender = sender.clone();
            std::thread::spawn(move || read_stdout(stream, limit, &sender));
        }
        if let Some(stream) = child.stderr.take() {
            std::thread::spawn(move || read_stderr(stream, limit, &sender));
        }
        Streams {
            messages,
            stdout: None,
            stderr: None,
        }
    }

    pub(crate) fn are_closed(&self) -> bool {
        self.stdout.is_some() && self.stderr.is_some()
    }

    /// Waits for the next event.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<Event, RecvTimeoutError> {
        match self.messages.recv_timeout(wait)? {
            Message::Stdout(bytes) => self.stdout = Some(bytes),
            Message::Stderr(bytes) => self.stderr = Some(bytes),
            Message::TooMuch => return Ok(Event::TooMuch),
        }
        Ok(Event::Closed)
    }

    /// What was written to standard output and standard error, where they close within some time.
    pub(crate) fn rest(mut self, wait: Duration) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let deadline = Instant::now() + wait;
        while !self.are_closed() {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.next(left).is_err() {
                break;
            }
        }
        (self.stdout, self.stderr)
    }
}

fn read_stdout(mut stream: impl Read, limit: usize, sender: &Sender<Message>) {
    let mut bytes = Vec::new();
    // What cannot be read was not written: the exit code tells.
    let _ = stream.by_ref().take(limit as u64 + 1).read_to_end(&mut bytes);
    let message = if bytes.len() > limit {
        Message::TooMuch
    } else {
        Message::Stdout(bytes)
    };
    // Where nobody listens, nobody needs it.
    let _ = sender.send(message);
}

fn read_stderr(mut stream: impl Read, limit: usize, sender: &Sender<Message>) {
    let mut bytes = Vec::new();
    let _ = stream.by_ref().take(limit as u64).read_to_end(&mut bytes);
    let _ = io::copy(&mut stream, &mut io::sink());
    let _ = sender.send(Message::Stderr(bytes));
}
