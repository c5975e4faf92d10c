//! Certificates, profiles, proxies and redirects: each error names the location and the cause.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use s3_test_server::{ServerOptions, TestAuthority, TestCertificate, TestServer, TlsFront};

use super::{Sandbox, sandbox_at};

/// A sandbox whose repository is on a TLS server, and a file with the certificate to trust.
struct Secure {
    sandbox: Sandbox,
    front: TlsFront,
    /// Kept alive.
    _server: TestServer,
    ca_file: String,
}

impl Secure {
    fn new(certificate: &TestCertificate, trusted: &str) -> Self {
        let server = TestServer::start(&ServerOptions::default()).unwrap();
        let front = TlsFront::start(server.port(), certificate).unwrap();
        let sandbox = sandbox_at(&front.url());
        let path = sandbox.path("trusted.pem");
        fs::write(&path, trusted).unwrap();
        Self { sandbox, front, _server: server, ca_file: path.to_str().unwrap().to_owned() }
    }

    fn signed() -> Self {
        let authority = TestAuthority::new().unwrap();
        Self::new(&authority.sign().unwrap(), authority.certificate())
    }

    fn write_profile(&mut self, text: &str) {
        let path = self.sandbox.path("aws-config");
        fs::write(&path, text).unwrap();
        self.sandbox.set("AWS_CONFIG_FILE", path.to_str().unwrap());
    }
}

#[test]
fn certificates_can_be_named_in_each_way() {
    let mut bed = Secure::signed();
    let untrusted = format!("cannot reach {}: its certificate is not trusted", bed.front.url());
    let refused = bed.sandbox.run(&["init"]).expect(1).says(&untrusted).says("--ca-file");
    assert!(!refused.stderr.contains("later"), "{}", refused.describe());
    bed.sandbox.run(&["init", "--ca-file", &bed.ca_file]).expect(0);
    bed.sandbox.run(&["snapshots"]).expect(1);
    let ca_file = bed.ca_file.clone();
    bed.write_profile(&format!("[profile office]\nca_bundle = {ca_file}\n"));
    bed.sandbox.set("AWS_PROFILE", "office");
    bed.sandbox.run(&["snapshots"]).expect(0);
    bed.sandbox.set("AWS_PROFILE", "");
    for name in ["ICECORE_CA_FILE", "AWS_CA_BUNDLE"] {
        bed.sandbox.set(name, &ca_file);
        bed.sandbox.run(&["snapshots"]).expect(0);
        bed.sandbox.set(name, "");
    }
    // The more specific setting counts: another authority, and a missing file.
    let other = bed.sandbox.path("other.pem");
    fs::write(&other, TestCertificate::self_signed(false).unwrap().certificate).unwrap();
    bed.sandbox.set("AWS_CA_BUNDLE", &ca_file);
    bed.sandbox.run(&["snapshots", "--ca-file", other.to_str().unwrap()]).expect(1).says(&untrusted);
    bed.sandbox.run(&["snapshots", "--ca-file", "missing.pem"]).expect(1).says("missing.pem (--ca-file)");
}

#[test]
fn a_server_that_signed_its_certificate_itself() {
    let certificate = TestCertificate::self_signed(false).unwrap();
    let bed = Secure::new(&certificate, &certificate.certificate);
    bed.sandbox.run(&["init", "--ca-file", &bed.ca_file]).expect(0);
    let certificate = TestCertificate::self_signed(true).unwrap();
    let bed = Secure::new(&certificate, &certificate.certificate);
    bed.sandbox
        .run(&["init", "--ca-file", &bed.ca_file])
        .expect(1)
        .says("its certificate is a CA certificate")
        .says("-addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE");
}

#[test]
fn the_service_that_gives_credentials_has_the_same_certificates() {
    let mut bed = Secure::signed();
    bed.write_profile(
        "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/backup\nsource_profile = user\nregion = us-east-1\n\
         [profile user]\naws_access_key_id = AKTEST\naws_secret_access_key = SKTEST\n",
    );
    let url = bed.front.url();
    for (name, value) in [
        ("AWS_PROFILE", "role"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_ENDPOINT_URL_STS", &url),
    ] {
        bed.sandbox.set(name, value);
    }
    let untrusted = format!("cannot reach {url} for credentials: its certificate is not trusted");
    bed.sandbox.run(&["snapshots"]).expect(1).says(&untrusted).says("--ca-file");
    // The server is reached, but does not support roles.
    let output = bed.sandbox.run(&["snapshots", "--ca-file", &bed.ca_file]).expect(1);
    assert!(!output.stderr.contains("cannot reach"), "{}", output.describe());
}

#[test]
fn a_profile_that_does_not_exist() {
    let mut bed = Secure::signed();
    bed.write_profile("[profile office]\nregion = us-east-1\n");
    bed.sandbox.set("AWS_PROFILE", "ofice");
    // The keys in the environment come first.
    bed.sandbox.run(&["init", "--ca-file", &bed.ca_file]).expect(0);
    bed.sandbox.set("AWS_ACCESS_KEY_ID", "");
    bed.sandbox.set("AWS_SECRET_ACCESS_KEY", "");
    let config = bed.sandbox.path("aws-config").display().to_string();
    bed.sandbox
        .run(&["snapshots", "--ca-file", &bed.ca_file])
        .expect(1)
        .says("failed to find the AWS profile \"ofice\" (AWS_PROFILE) in ")
        .says(&config)
        .says("list-profiles");
}

#[test]
fn a_proxy_that_does_not_answer_is_named() {
    let mut bed = Secure::signed();
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    bed.sandbox.set("HTTPS_PROXY", &format!("http://user:secret@{closed}"));
    let output = bed.sandbox.run(&["init", "--ca-file", &bed.ca_file]).expect(1);
    let expected = format!("cannot reach {} through the proxy http://{closed}: ", bed.front.url());
    assert!(output.stderr.contains(&expected), "{}", output.describe());
    assert!(!output.stderr.contains("secret"), "{}", output.describe());
    bed.sandbox.run(&["init"]).expect(1).says("NO_PROXY=127.0.0.1");
    bed.sandbox.set("NO_PROXY", "*");
    bed.sandbox.run(&["init", "--ca-file", &bed.ca_file]).expect(0);
}

#[test]
fn a_redirect_to_tls_is_no_other_region() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let head = "HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nconnection: close";
            write!(stream, "{head}\r\nlocation: https://{address}/bucket\r\n\r\n").unwrap_or_default();
        }
    });
    let sandbox = sandbox_at(&format!("http://{address}"));
    sandbox
        .run(&["snapshots"])
        .expect(1)
        .says(&format!("http://{address} redirects to https://{address}"))
        .says(&format!("--endpoint-url https://{address}"));
}
