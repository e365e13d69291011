// The schema registry's REST API (Confluent's).
#pragma once
#include <string>

#include "server/http/registry/registry_view.h"
#include "server/http/routes.h"

namespace server::http {

// Adds /subjects, /schemas, /compatibility, /config, /mode, /contexts and /v1/metadata/version.
void add_registry_pages(Routes& routes, const RegistryView& view);

// Returns the routes of a listener that serves only the registry. Errors have the registry's form.
Routes registry_routes(const RegistryView& view, const std::string& cluster_id);

}  // namespace server::http
