//! A body that ends too early or arrives damaged.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A body that is cut: the connection ends, or sends nothing more.
pub(crate) struct CutBody {
    pub(crate) inner: s3s::Body,
    pub(crate) left: u64,
    /// Whether the connection stays open and sends nothing more.
    pub(crate) stalls: bool,
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 && self.stalls {
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        let Some(Ok(frame)) = frame else {
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        };
        let frame = frame.map_data(|data| data.slice(..data.len().min(self.left as usize)));
        self.left -= frame.data_ref().map_or(0, |data| data.len() as u64);
        Poll::Ready(Some(Ok(frame)))
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body with one wrong bit.
pub(crate) struct FlippedBody {
    pub(crate) inner: s3s::Body,
    /// Remaining bytes before the wrong one.
    pub(crate) before: u64,
    pub(crate) is_flipped: bool,
}

impl Body for FlippedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(context));
        let Some(Ok(frame)) = frame else {
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        };
        let frame = frame.map_data(|data| {
            if self.is_flipped || data.len() as u64 <= self.before {
                self.before = self.before.saturating_sub(data.len() as u64);
                return data;
            }
            let mut damaged = data.to_vec();
            damaged[self.before as usize] ^= 1;
            self.is_flipped = true;
            damaged.into()
        });
        Poll::Ready(Some(Ok(frame)))
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
