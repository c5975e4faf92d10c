//! The two AWS KMS requests that key slots need, for one key that protects nothing.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};

/// Alias and ARN of the only key.
const ALIAS: &str = "alias/backup";
const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1a2b3c4d";

/// A server that runs until the tests end.
#[derive(Debug)]
pub(crate) struct KmsServer {
    address: SocketAddr,
}

impl KmsServer {
    /// Name of the key.
    pub(crate) const KEY: &str = ALIAS;

    /// Starts a server.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer(&stream));
            }
        });
        Self { address }
    }

    /// Returns the URL for `AWS_ENDPOINT_URL_KMS`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Answers one request and ends the connection.
fn answer(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut target, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("x-amz-target") => value.clone_into(&mut target),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let result = match target.as_str() {
        "TrentService.GenerateDataKey" => generate(&request),
        "TrentService.Decrypt" => decrypt(&request),
        _ => Err("UnsupportedOperationException"),
    };
    let (status, document) = match result {
        Ok(document) => ("200 OK", document),
        Err(code) => ("400 Bad Request", json!({ "__type": code, "message": "refused" })),
    };
    let text = document.to_string();
    let length = text.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // The client may have ended.
    let mut stream = stream;
    stream.write_all((head + &text).as_bytes()).unwrap_or_default();
}

/// Base64 of a data key of 32 zero bytes.
fn data_key() -> String {
    format!("{}=", "A".repeat(43))
}

/// Returns the wrapped form of a data key that is bound to a context: hexadecimal digits, which are also
/// valid base64.
fn wrapped(request: &Value) -> String {
    blake3::hash(request["EncryptionContext"].to_string().as_bytes()).to_hex().to_string()
}

fn generate(request: &Value) -> Result<Value, &'static str> {
    if request["KeyId"] != ALIAS && request["KeyId"] != ARN {
        return Err("NotFoundException");
    }
    Ok(json!({ "KeyId": ARN, "Plaintext": data_key(), "CiphertextBlob": wrapped(request) }))
}

fn decrypt(request: &Value) -> Result<Value, &'static str> {
    if request["CiphertextBlob"] != wrapped(request) || request["KeyId"] != ARN {
        return Err("InvalidCiphertextException");
    }
    Ok(json!({ "KeyId": ARN, "Plaintext": data_key() }))
}
