//! Recognizes addresses of Amazon's own S3, and reads their host names.
//!
//! Sources: *Amazon S3 endpoints and quotas* (AWS General Reference), *AWS `PrivateLink` for Amazon S3* (S3
//! User Guide).

/// Domains of the partitions: commercial and `GovCloud`, China, the European one, the isolated ones.
const DOMAINS: [&str; 8] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
    "api.aws",
];
/// Suffix that S3 appends to the aliases of access points.
const ALIAS_SUFFIX: &str = "-s3alias";

/// An address of Amazon's S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsEndpoint {
    /// What the address serves.
    pub kind: AwsEndpointKind,
    /// The region in the host name.
    pub region: Option<String>,
    /// The bucket or access point at the beginning of the host name.
    pub bucket: Option<String>,
}

/// What an address of Amazon's S3 serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsEndpointKind {
    /// The buckets of a region: the ordinary address, also FIPS and dual-stack.
    Buckets,
    /// The buckets of a region through an interface endpoint in a VPC.
    VpcEndpoint,
    /// The access points of a region, also through an interface endpoint in a VPC.
    AccessPoints,
    /// The buckets of all regions through the edge network.
    Accelerated,
    /// S3 Express One Zone.
    Express,
    /// Access points of several regions.
    MultiRegion,
    /// A part of S3 that does not accept requests for objects: websites, control, an incomplete name.
    NotForObjects,
}

/// Parses the host of a URL, if it is an address of Amazon's S3.
pub fn aws_endpoint(url: &str) -> Option<AwsEndpoint> {
    let host = host(url).to_ascii_lowercase();
    let name = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain)?.strip_suffix('.'))?;
    let labels: Vec<&str> = name.split('.').collect();
    let position = labels.iter().rposition(|label| *label == "s3" || service(label).is_some())?;
    let (front, service_label, rest) = (&labels[..position], labels[position], &labels[position + 1..]);
    let bucket = (!front.is_empty()).then(|| front.join("."));
    let (service, legacy_region) = service(service_label).unwrap_or(("s3", None));
    let region = match rest {
        [] | ["dualstack"] => legacy_region,
        [region, "vpce"] if is_region(region) => return vpc_endpoint(front, region),
        [region] | ["dualstack", region] if legacy_region.is_none() && is_region(region) => Some(*region),
        // Another service: a load balancer in front of another server may have any name.
        _ => return None,
    };
    let kind = match service {
        "s3" | "s3-fips" => AwsEndpointKind::Buckets,
        "s3-accelerate" => AwsEndpointKind::Accelerated,
        "s3-accesspoint" | "s3-accesspoint-fips" => AwsEndpointKind::AccessPoints,
        "s3-global" => AwsEndpointKind::MultiRegion,
        "s3express" => AwsEndpointKind::Express,
        _ => AwsEndpointKind::NotForObjects,
    };
    Some(AwsEndpoint { kind, region: region.map(str::to_owned), bucket })
}

/// Returns whether the name of a bucket is the ARN or the alias of an access point.
pub fn is_access_point(bucket: &str) -> bool {
    region_of_access_point(bucket).is_some() || bucket.ends_with(ALIAS_SUFFIX)
}

/// Returns the region in the ARN of an access point.
pub fn region_of_access_point(bucket: &str) -> Option<&str> {
    let rest = bucket.strip_prefix("arn:")?;
    let mut parts = rest.splitn(5, ':');
    let (_partition, service, region) = (parts.next()?, parts.next()?, parts.next()?);
    (service == "s3" && is_region(region)).then_some(region)
}

/// Returns the service that a label names, with the region that follows it in names of earlier years
/// (`s3-eu-west-1`).
fn service(label: &str) -> Option<(&str, Option<&str>)> {
    const SERVICES: [&str; 8] = [
        "s3-fips",
        "s3-accelerate",
        "s3-accesspoint-fips",
        "s3-accesspoint",
        "s3-global",
        "s3-website",
        "s3-control",
        "s3-outposts",
    ];
    let behind = |service: &str| Some(label.strip_prefix(service)?.strip_prefix('-'));
    if label.starts_with("s3express-") {
        return Some(("s3express", None));
    }
    if label == "s3-external-1" {
        return Some(("s3", Some("us-east-1")));
    }
    let found = SERVICES.iter().find_map(|service| match behind(service)? {
        None if label == *service => Some((*service, None)),
        Some(region) if is_region(region) => Some((*service, Some(region))),
        _ => None,
    });
    found.or_else(|| {
        label.strip_prefix("s3-").filter(|region| is_region(region)).map(|region| ("s3", Some(region)))
    })
}

/// Returns what an interface endpoint in a VPC serves: `bucket.vpce-….s3.REGION.vpce`, `accesspoint.vpce-…`.
fn vpc_endpoint(front: &[&str], region: &str) -> Option<AwsEndpoint> {
    let position = front.iter().rposition(|label| label.starts_with("vpce-"))?;
    let before = &front[..position];
    let (kind, before) = match before.split_last() {
        Some((&"bucket", before)) => (AwsEndpointKind::VpcEndpoint, before),
        Some((&"accesspoint", before)) => (AwsEndpointKind::AccessPoints, before),
        _ => (AwsEndpointKind::NotForObjects, &[][..]),
    };
    let bucket = (!before.is_empty()).then(|| before.join("."));
    Some(AwsEndpoint { kind, region: Some(region.to_owned()), bucket })
}

/// Returns the host of a URL, without port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or_default().trim_end_matches('.')
}

/// Returns whether a text has the form of a region, such as `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let Some((number, words)) = parts.split_last() else { return false };
    words.len() >= 2
        && words.iter().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
