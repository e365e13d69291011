// The parts of the registry's API: what only asks, and what changes something.
#pragma once
#include "server/http/registry/registry_view.h"
#include "server/http/routes.h"

namespace server::http {

void add_registry_questions(Routes& routes, const RegistryView& view);
void add_registry_changes(Routes& routes, const RegistryView& view);

// The answer in the type that the client asks for, of those that registries have.
Response in_asked_type(Response response, const Request& request);
Response registry_is_busy();
// To all requests where schemas are kept elsewhere.
Handler refuses_as_elsewhere(const RegistryView& view);
// About what a request holds while it waits.
size_t held_bytes(const Request& request);

}  // namespace server::http
