// The REST proxy (Confluent's API, versions 2 and 3): Kafka's topics and groups over HTTP.
#pragma once
#include "server/http/proxy/consumer_instances.h"
#include "server/http/proxy/proxy_view.h"
#include "server/http/routes.h"

namespace server::http {

// Adds all pages of the REST proxy. `view` and `consumers` outlive the routes.
void add_proxy_pages(Routes& routes, const ProxyView& view, ConsumerInstances& consumers);

}  // namespace server::http
