//! `tidegate:connect/http`: the way out, through the broker's gateway.
//!
//! The handle is the authority: a step without a gateway has none to give, and
//! a guest cannot make one. What may be asked for is the broker's to judge.

use crate::{
    broker::{Body, Gateway, Meter},
    model::{Class, Failure},
    sandbox::{
        bindings::tidegate::connect::{
            http::{Host, HostBodyReader, HostTransport, Request, Response, Streamed},
            types::Error,
        },
        context::Context,
        convert,
    },
};
use wasmtime::component::Resource;

/// The most bytes of one `read`.
const MAX_READ: u32 = 1 << 20;

/// What the guest's `borrow<transport>` stands for.
#[derive(Clone)]
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct Transport {
    gateway: Gateway,
    meter: Meter,
}

/// What the guest's `body-reader` stands for.
#[expect(unreachable_pub, reason = "the bindings re-export it")]
pub struct BodyReader(Body);

impl Context {
    /// A handle to lend to an export.
    ///
    /// # Errors
    /// The step has no gateway, or no place for the handle.
    pub(in crate::sandbox) fn transport(&mut self) -> wasmtime::Result<Resource<Transport>> {
        let (gateway, meter) =
            self.way_out.clone().ok_or_else(|| wasmtime::Error::msg("the step was given no gateway"))?;
        let owned = self.table.push(Transport { gateway, meter })?;
        Ok(Resource::new_borrow(owned.rep()))
    }

    fn open_transport(&self, handle: &Resource<Transport>) -> wasmtime::Result<Transport> {
        Ok(self.table.get(handle)?.clone())
    }
}

impl Host for Context {}

impl HostTransport for Context {
    async fn send(
        &mut self,
        transport: Resource<Transport>,
        request: Request,
    ) -> wasmtime::Result<Result<Response, Error>> {
        let Transport { gateway, meter } = self.open_transport(&transport)?;
        let began = self.budget.wait_begins();
        let answer = gateway.send(convert::request(request), &meter).await;
        self.budget.wait_ends(began);
        Ok(answer.map(convert::response).map_err(convert::error))
    }

    async fn send_all(
        &mut self,
        transport: Resource<Transport>,
        requests: Vec<Request>,
    ) -> wasmtime::Result<Vec<Result<Response, Error>>> {
        let Transport { gateway, meter } = self.open_transport(&transport)?;
        let began = self.budget.wait_begins();
        let requests = requests.into_iter().map(convert::request).collect();
        let answers = gateway.send_all(requests, &meter).await;
        self.budget.wait_ends(began);
        let answers = answers.into_iter().map(|answer| answer.map(convert::response).map_err(convert::error));
        Ok(answers.collect())
    }

    async fn open(
        &mut self,
        transport: Resource<Transport>,
        request: Request,
    ) -> wasmtime::Result<Result<Streamed, Error>> {
        let Transport { gateway, meter } = self.open_transport(&transport)?;
        let began = self.budget.wait_begins();
        let answer = gateway.open(convert::request(request), &meter).await;
        self.budget.wait_ends(began);
        match answer {
            Ok(streamed) => {
                let body = self.table.push(BodyReader(streamed.body))?;
                let headers = convert::headers(streamed.headers);
                Ok(Ok(Streamed { status: streamed.status, headers, body }))
            }
            Err(failure) => Ok(Err(convert::error(failure))),
        }
    }

    async fn path_of(
        &mut self,
        transport: Resource<Transport>,
        link: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        let transport = self.open_transport(&transport)?;
        Ok(transport.gateway.path_of(&link).map_err(convert::error))
    }

    async fn drop(&mut self, transport: Resource<Transport>) -> wasmtime::Result<()> {
        self.table.delete(transport)?;
        Ok(())
    }
}

impl HostBodyReader for Context {
    async fn read(
        &mut self,
        body: Resource<BodyReader>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        if !(1..=MAX_READ).contains(&max) {
            return Ok(Err(convert::error(bad_read(max))));
        }
        let began = self.budget.wait_begins();
        let reader = self.table.get_mut(&body)?;
        let bytes = reader.0.read(max as usize).await;
        self.budget.wait_ends(began);
        Ok(bytes.map(Vec::from).map_err(convert::error))
    }

    async fn drop(&mut self, body: Resource<BodyReader>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

fn bad_read(max: u32) -> Failure {
    let message = format!("one `read` takes 1 to {MAX_READ} bytes, not {max}");
    Failure::new(Class::InvalidData, "http.read-size", message)
}
