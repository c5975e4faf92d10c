//! TLS in front of a server, and certificates for it, created with the program `openssl`.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use tokio::{
    io::{self, copy_bidirectional},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::server::listen;

/// Names in the certificates of servers.
const NAMES: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1";

/// A certificate with its private key, both in PEM form.
#[derive(Clone, Debug)]
pub struct TestCertificate {
    /// The certificate.
    pub certificate: String,
    key: String,
}

/// An authority that signs certificates of servers on this machine.
#[derive(Clone, Debug)]
pub struct TestAuthority(TestCertificate);

impl TestCertificate {
    /// Makes a self-signed certificate for a server on this machine; with `is_authority`, it is one of an
    /// authority, the default of `openssl req -x509`.
    pub fn self_signed(is_authority: bool) -> io::Result<Self> {
        let constraint =
            format!("basicConstraints=critical,CA:{}", if is_authority { "TRUE" } else { "FALSE" });
        made(|command| {
            command.args(["req", "-x509", "-days", "30", "-subj", "/CN=localhost", "-out", "certificate"]);
            command.args(["-addext", NAMES, "-addext", &constraint]);
        })
    }
}

impl TestAuthority {
    /// Makes an authority.
    pub fn new() -> io::Result<Self> {
        made(|command| {
            command.args([
                "req",
                "-x509",
                "-days",
                "30",
                "-subj",
                "/CN=Test authority",
                "-out",
                "certificate",
            ]);
        })
        .map(Self)
    }

    /// Returns the certificate of the authority, in PEM form.
    pub fn certificate(&self) -> &str {
        &self.0.certificate
    }

    /// Makes a certificate for a server on this machine.
    pub fn sign(&self) -> io::Result<TestCertificate> {
        self.sign_for(NAMES)
    }

    /// Makes a certificate for other names, such as `subjectAltName=DNS:host`.
    pub fn sign_for(&self, names: &str) -> io::Result<TestCertificate> {
        let directory = tempfile::tempdir()?;
        let path = directory.path();
        let request = made_in(path, |command| {
            command.args(["req", "-subj", "/CN=localhost", "-out", "certificate"]);
        })?;
        fs::write(path.join("request"), &request.certificate)?;
        fs::write(path.join("authority"), &self.0.certificate)?;
        fs::write(path.join("authority-key"), &self.0.key)?;
        fs::write(path.join("extensions"), format!("{names}\nbasicConstraints=critical,CA:FALSE\n"))?;
        let mut command = Command::new("openssl");
        command.args(["x509", "-req", "-days", "30", "-in", "request", "-out", "certificate"]);
        command.args(["-CA", "authority", "-CAkey", "authority-key", "-CAcreateserial"]);
        command.args(["-extfile", "extensions"]);
        run(&mut command, path)?;
        Ok(TestCertificate { certificate: fs::read_to_string(path.join("certificate"))?, key: request.key })
    }
}

fn made(arguments: impl FnOnce(&mut Command)) -> io::Result<TestCertificate> {
    let directory = tempfile::tempdir()?;
    made_in(directory.path(), arguments)
}

fn made_in(path: &Path, arguments: impl FnOnce(&mut Command)) -> io::Result<TestCertificate> {
    let mut command = Command::new("openssl");
    arguments(&mut command);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key"]);
    run(&mut command, path)?;
    let read = |name: &str| fs::read_to_string(path.join(name));
    Ok(TestCertificate { certificate: read("certificate")?, key: read("key")? })
}

fn run(command: &mut Command, directory: &Path) -> io::Result<()> {
    let output = command.current_dir(directory).stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// A TLS front that passes everything on to a server without TLS.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl TlsFront {
    /// Starts a front of the server at `port`.
    pub fn start(port: u16, certificate: &TestCertificate) -> io::Result<Self> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(certificate.certificate.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain.map_err(io::Error::other)?, key)
            .map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = listen(&runtime, 0)?;
        let address = listener.local_addr()?;
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Ok(Self { address, runtime: Some(runtime) })
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
