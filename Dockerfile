# The server and its tools, built from this tree: docker build -t millrace .
# With etcd, for the nodes of a cluster that start their own: docker build --target cluster -t millrace-cluster .
FROM debian:bookworm-slim AS base

FROM debian:bookworm AS build
WORKDIR /millrace
COPY . .
RUN ./dev setup && ./dev package
# The tarball has the program and the libraries that it needs. The libraries of the base image are left out.
COPY --from=base /usr/lib /base
RUN mkdir /image && tar -C /image --strip-components=1 -xzf build/release/package/millrace-*-linux-*.tar.gz && \
    for library in /image/lib/millrace/*.so*; do [ -z "$(find /base -name "${library##*/}")" ] || rm "$library"; done && \
    cp packaging/healthcheck /image/lib/millrace && rm -r /image/share/man /image/share/bash-completion /image/share/zsh

FROM base AS server
COPY --from=build /image /usr/local
RUN useradd --system millrace && install -d -o millrace /data
USER millrace
VOLUME /data
EXPOSE 7432 8088 9092 29092
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/local/lib/millrace/healthcheck"]
# Every setting is a variable, too: MILLRACE_ and its name in upper case. The server listens for other containers, and the
# published ports decide which machines reach it. With MILLRACE_ACCESS_FILE and MILLRACE_INSECURE=false, clients need a
# user and a password. Kafka's tools have their own names in lib/millrace/bin.
ENV PATH=/usr/local/lib/millrace/bin:$PATH MILLRACE_DATA_DIR=/data MILLRACE_PG=0.0.0.0:7432 \
    MILLRACE_HTTP=0.0.0.0:8088 MILLRACE_KAFKA=0.0.0.0:9092 MILLRACE_INSECURE=true
CMD ["millrace", "server"]

FROM server AS cluster
USER root
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends etcd-server && rm -rf /var/lib/apt/lists/*
USER millrace

FROM server
