// The parts of the registry's API: questions and changes.
#pragma once
#include "server/http/registry/registry_view.h"
#include "server/http/routes.h"

namespace server::http {

void add_registry_questions(Routes& routes, const RegistryView& view);
void add_registry_changes(Routes& routes, const RegistryView& view);

// Sets the answer's content type to the one that the client asks for, of the registry's types.
Response in_asked_type(Response response, const Request& request);
Response registry_is_busy();
// Refuses all requests if schemas are kept in an external registry.
Handler refuses_as_elsewhere(const RegistryView& view);
// The approximate memory of a request while it waits.
size_t held_bytes(const Request& request);

}  // namespace server::http
