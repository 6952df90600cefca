use hostler_device::Devices;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

use crate::{caller::Caller, hand::Taken, looking::Looking, reply, tools};

const INSTRUCTIONS: &str = "Phones, tablets and browsers that you can borrow and operate. \
    device_open borrows one (it waits if all are busy); device_snapshot shows what is on its screen \
    as text with refs like @e12; device_tap, device_fill and the others take these refs; take a \
    new snapshot after each action that changes the screen. device_close gives the device back: \
    do that as soon as you are done, others wait for it. A device that is not used for some \
    minutes goes back by itself.";

/// What answers the protocol's requests.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    devices: Devices,
    taken: Taken,
    looking: Looking,
}

impl Server {
    pub(crate) fn new(devices: Devices, looking: Looking) -> Self {
        Self {
            devices,
            looking,
            taken: Taken::default(),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("hostler", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::list()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::find(name).map(|entry| entry.tool.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(entry) = tools::find(&request.name) else {
            let message = format!("there is no tool {:?}; list the tools", request.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let result = match Caller::of(&self.devices, &self.looking, &context) {
            Ok(caller) => (entry.run)(arguments, caller, self.taken.clone()).await,
            Err(failure) => Err(failure),
        };
        Ok(result
            .unwrap_or_else(|failure| reply::refused(&failure))
            .into())
    }
}
