// The handlers of the schema registry's API, for requests that read and for requests that change
// schemas.
#pragma once
#include "server/http/registry/registry_view.h"
#include "server/http/routes.h"

namespace server::http {

void add_registry_questions(Routes& routes, const RegistryView& view);
void add_registry_changes(Routes& routes, const RegistryView& view);

// Sets the answer's content type to the one of the registry's content types that the client
// prefers.
Response in_asked_type(Response response, const Request& request);
Response registry_is_busy();
// Returns a handler that refuses all requests, because this server does not keep the schemas: an
// external registry does.
Handler refuses_as_elsewhere(const RegistryView& view);
// Returns the approximate memory that a request takes while it waits.
size_t held_bytes(const Request& request);

}  // namespace server::http
