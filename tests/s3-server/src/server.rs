//! Listens, and applies faults to requests.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    authority::{Authority, Refusal, Secrets},
    bucket::Stored,
    cut_body::{CutBody, FlippedBody},
    fault::{Fault, FaultRule, Faults, RequestLine},
    link::{Link, Linked},
    service::{CONDITIONS, MemoryService},
};

/// Properties of a server.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether the server can do one thing")]
pub struct ServerOptions {
    /// Port to listen on; zero lets the system choose.
    pub port: u16,
    /// Buckets that exist from the beginning.
    pub buckets: Vec<String>,
    /// Access key id of the only user.
    pub access_key: String,
    /// Secret of the only user.
    pub secret_key: String,
    /// Whether CRC64NVME is verified and returned, as S3 does; older servers ignore it.
    pub has_checksums: bool,
    /// Whether the `ETag` is the MD5 of the bytes; otherwise, it is a number.
    pub has_md5_etags: bool,
    /// Whether the conditions of puts are honoured.
    pub has_conditions: bool,
    /// Whether puts with a condition are answered with `NotImplemented`.
    pub refuses_conditions: bool,
    /// Whether a range may end after the object's end.
    pub has_ranges_past_end: bool,
    /// Maximum number of keys in a page of a listing.
    pub page_keys_max: usize,
    /// Whether listings can start after a key.
    pub has_start_after: bool,
    /// Whether each page of a listing is the first one, and announces another.
    pub repeats_pages: bool,
    /// Delay before each request is handled, as for a distant server.
    pub delay: Duration,
    /// Threads that serve requests.
    pub threads: usize,
    /// Speed of the link to the server, in bytes a second in each direction; unlimited if absent.
    pub link_bytes_per_second: Option<u64>,
}

impl Default for ServerOptions {
    /// Returns a server like S3, with the bucket `bucket`, the access key `AKTEST` and the secret `SKTEST`.
    fn default() -> Self {
        Self {
            port: 0,
            buckets: vec!["bucket".to_owned()],
            access_key: "AKTEST".to_owned(),
            secret_key: "SKTEST".to_owned(),
            has_checksums: true,
            has_md5_etags: false,
            has_conditions: true,
            refuses_conditions: false,
            has_ranges_past_end: true,
            page_keys_max: 1_000,
            has_start_after: true,
            repeats_pages: false,
            delay: Duration::ZERO,
            threads: 1,
            link_bytes_per_second: None,
        }
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct TestServer {
    address: SocketAddr,
    service: MemoryService,
    authority: Arc<Authority>,
    faults: Arc<Faults>,
    runtime: Option<Runtime>,
}

impl TestServer {
    /// Starts a server.
    pub fn start(options: &ServerOptions) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads.max(1))
            .thread_name("s3-test-server")
            .enable_all()
            .build()?;
        let listener = listen(&runtime, options.port)?;
        let address = listener.local_addr()?;
        let authority = Arc::new(Authority::new(&options.access_key, &options.secret_key));
        let service = MemoryService::new(options, Arc::clone(&authority));
        let faults = Arc::new(Faults::default());
        let mut builder = S3ServiceBuilder::new(service.clone());
        builder.set_auth(Secrets(Arc::clone(&authority)));
        let link =
            options.link_bytes_per_second.map(|bytes_per_second| Arc::new(Link::new(bytes_per_second)));
        let front = Front {
            service: builder.build(),
            memory: service.clone(),
            authority: Arc::clone(&authority),
            faults: Arc::clone(&faults),
            delay: options.delay,
        };
        runtime.spawn(accept(listener, front, link));
        Ok(Self { address, service, authority, faults, runtime: Some(runtime) })
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Adds a fault for future requests.
    pub fn inject(&self, rule: FaultRule) {
        self.faults.add(rule);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.faults.clear();
    }

    /// Returns the requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<RequestLine> {
        self.faults.requests()
    }

    /// Starts a new record of requests.
    pub fn forget_requests(&self) {
        self.faults.forget_requests();
    }

    /// Returns the keys in a bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.service.read(bucket, |bucket| bucket.objects.keys().cloned().collect())
    }

    /// Returns the storage class, the encryption and the KMS key that an object was written with.
    pub fn object_headers(&self, bucket: &str, key: &str) -> [Option<String>; 3] {
        self.service.read(bucket, |bucket| {
            let headers = bucket.objects.get(key).map(|object| object.headers.clone()).unwrap_or_default();
            [headers.storage_class, headers.encryption, headers.kms_key]
        })
    }

    /// Returns the number of incomplete multipart uploads.
    pub fn open_uploads(&self, bucket: &str) -> usize {
        self.service.read(bucket, |bucket| bucket.uploads.len())
    }

    /// Writes an object under any key, without a request.
    pub fn plant(&self, bucket: &str, key: &str, bytes: &[u8]) {
        self.service.plant(bucket, key, bytes);
    }

    /// Returns the bytes of an object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.service.read(bucket, |bucket| Some(bucket.objects.get(key)?.bytes.to_vec()))
    }

    /// Removes an object, without a request.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.service.remove(bucket, key);
    }

    /// Changes the time at which an object was written.
    pub fn set_modified(&self, bucket: &str, key: &str, modified: SystemTime) {
        self.service.change(bucket, key, |object| object.modified = modified);
    }

    /// Moves an object to another storage class, as lifecycle rules do; with `tier`, to that archive tier of
    /// the class `INTELLIGENT_TIERING`.
    pub fn archive(&self, bucket: &str, key: &str, class: &str, tier: Option<&str>) {
        self.service.change(bucket, key, |object| {
            object.headers.storage_class = Some(class.to_owned());
            object.archive_tier = tier.map(str::to_owned);
            object.is_thawed = false;
        });
    }

    /// Makes a readable copy of an archived object, like a request to restore it after some hours.
    pub fn thaw(&self, bucket: &str, key: &str) {
        self.service.change(bucket, key, |object| object.is_thawed = true);
    }

    /// Sets the only lifecycle rule of a bucket: the content of `<Rule>`, without its name and status.
    pub fn set_lifecycle(&self, bucket: &str, rule: &str) {
        self.service.set_lifecycle(bucket, rule);
    }

    /// Adds a user with an IAM policy. The user of the options may do everything that no bucket denies.
    pub fn add_user(&self, access_key: &str, secret_key: &str, policy: &str) -> io::Result<()> {
        self.authority.add_user(access_key, secret_key, policy).map_err(io::Error::other)
    }

    /// Sets the policy of a bucket. Fails if S3 would refuse it as malformed.
    pub fn set_bucket_policy(&self, bucket: &str, policy: &str) -> io::Result<()> {
        self.authority.set_bucket_policy(bucket, policy).map_err(io::Error::other)
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.block_on(std::future::pending::<()>());
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Listens without waiting, for callers that are already in a runtime.
pub(crate) fn listen(runtime: &Runtime, port: u16) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    let _entered = runtime.enter();
    TcpListener::from_std(listener)
}

/// Waits as long as a request to a distant server takes.
#[expect(clippy::disallowed_methods, reason = "the time of a way is real")]
async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// Handling of a request before and after the service.
#[derive(Clone)]
struct Front {
    service: S3Service,
    memory: MemoryService,
    authority: Arc<Authority>,
    faults: Arc<Faults>,
    delay: Duration,
}

async fn accept(listener: TcpListener, front: Front, link: Option<Arc<Link>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        // Small answers do not wait for acknowledgements.
        stream.set_nodelay(true).unwrap_or_default();
        let stream = Linked::new(stream, link.clone());
        let front = front.clone();
        let respond = hyper::service::service_fn(move |request| {
            let front = front.clone();
            async move { respond(request, &front).await }
        });
        tokio::spawn(async move {
            let mut connection = hyper::server::conn::http1::Builder::new();
            connection.timer(TokioTimer::new());
            // An error here is the effect of a fault on the connection, or a client that has ended.
            drop(connection.serve_connection(TokioIo::new(stream), respond).await);
        });
    }
}

async fn respond(request: Request<Incoming>, front: &Front) -> io::Result<Response<s3s::Body>> {
    let Front { service, memory, faults, delay, .. } = front;
    wait(*delay).await;
    let line = RequestLine {
        method: request.method().to_string(),
        path: request.uri().path().trim_start_matches('/').to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    let fault = faults.arrive(&line);
    match &fault {
        Some(Fault::Error { status, code, headers }) => {
            // A client that is still sending would not see the answer.
            let request = request.map(s3s::Body::from);
            drain(request).await;
            return error_response(*status, code, headers);
        }
        Some(Fault::Reset) => return Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::Hang) => {
            drain(request.map(s3s::Body::from)).await;
            return std::future::pending().await;
        }
        _ => {}
    }
    let (head, body) = request.into_parts();
    if let Err(refusal) = front.authority.judge(&head) {
        drain(Request::from_parts(head, s3s::Body::from(body))).await;
        return refusal_response(&refusal);
    }
    if line.method == "GET" && line.query == "lifecycle" {
        return lifecycle_response(memory.lifecycle(line.path.trim_end_matches('/')).as_deref());
    }
    let carried_out = service.call(Request::from_parts(head.clone(), s3s::Body::from(body)));
    let response = match fault {
        Some(Fault::IgnoreConditions) => CONDITIONS.scope(false, carried_out).await,
        _ => carried_out.await,
    };
    let response = response.map_err(|error| io::Error::other(format!("{error:?}")))?;
    if let Some((class, tier)) = archive_of(memory, &line).filter(|_| response.status() == 403) {
        return archived_response(&class, tier.as_deref());
    }
    let is_read = matches!(line.method.as_str(), "GET" | "HEAD");
    if is_read && response.status() == 404 && front.authority.hides_absence(&head) {
        return refusal_response(&Refusal::Denied("Access Denied".to_owned()));
    }
    match fault {
        Some(Fault::LostReply) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Fault::HangAfter) => std::future::pending().await,
        Some(fault @ (Fault::CutBody(left) | Fault::StallBody(left))) => {
            let stalls = matches!(fault, Fault::StallBody(_));
            Ok(response.map(|inner| s3s::Body::http_body_unsync(CutBody { inner, left, stalls })))
        }
        Some(Fault::FlipBit(before)) => Ok(response
            .map(|inner| s3s::Body::http_body_unsync(FlippedBody { inner, before, is_flipped: false }))),
        _ => Ok(response),
    }
}

/// Answers requests for lifecycle rules with its own XML: the types of the library lack parts of S3.
fn lifecycle_response(rule: Option<&str>) -> io::Result<Response<s3s::Body>> {
    let Some(rule) = rule else { return error_response(404, "NoSuchLifecycleConfiguration", &[]) };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><LifecycleConfiguration><Rule><ID>rule</ID><Status>Enabled</Status>\
         {rule}</Rule></LifecycleConfiguration>"
    );
    Response::builder()
        .header("content-type", "application/xml")
        .body(s3s::Body::from(text))
        .map_err(io::Error::other)
}

/// Returns storage class and tier of an archived object that a request wants to read.
fn archive_of(memory: &MemoryService, line: &RequestLine) -> Option<(String, Option<String>)> {
    let (bucket, key) = line.path.split_once('/').filter(|_| line.method == "GET")?;
    memory.read(bucket, |bucket| bucket.objects.get(key).and_then(Stored::archive))
}

/// Reports that an object is archived, with the elements that the library does not write.
fn archived_response(class: &str, tier: Option<&str>) -> io::Result<Response<s3s::Body>> {
    let tier = tier.map(|tier| format!("<AccessTier>{tier}</AccessTier>")).unwrap_or_default();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>InvalidObjectState</Code>\
         <Message>The operation is not valid for the object's storage class</Message>\
         <StorageClass>{class}</StorageClass>{tier}</Error>"
    );
    Response::builder()
        .status(403)
        .header("content-type", "application/xml")
        .body(s3s::Body::from(text))
        .map_err(io::Error::other)
}

async fn drain(request: Request<s3s::Body>) {
    use futures_util::StreamExt;
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.next().await {}
}

fn refusal_response(refusal: &Refusal) -> io::Result<Response<s3s::Body>> {
    match refusal {
        Refusal::Denied(message) => response(403, "AccessDenied", message, &[]),
        Refusal::NotImplemented => response(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            &[],
        ),
    }
}

fn error_response(status: u16, code: &str, headers: &[(String, String)]) -> io::Result<Response<s3s::Body>> {
    response(status, code, "on order", headers)
}

fn response(
    status: u16,
    code: &str,
    message: &str,
    headers: &[(String, String)],
) -> io::Result<Response<s3s::Body>> {
    let message = message.replace('"', "&quot;");
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::builder().status(status).header("content-type", "application/xml");
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(s3s::Body::from(text)).map_err(io::Error::other)
}
