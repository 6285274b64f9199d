CREATE TABLE regions (id serial PRIMARY KEY, name text UNIQUE NOT NULL, slug text NOT NULL, parent text);
CREATE TABLE manufacturers (id serial PRIMARY KEY, name text UNIQUE NOT NULL, slug text NOT NULL);
CREATE TABLE device_types (
    id serial PRIMARY KEY, model text UNIQUE NOT NULL, manufacturer_id int NOT NULL REFERENCES manufacturers,
    u_height numeric(4, 1) NOT NULL, part_number text NOT NULL
);
CREATE TABLE roles (id serial PRIMARY KEY, name text UNIQUE NOT NULL, slug text NOT NULL, color char(6) NOT NULL);
CREATE TABLE sites (
    id serial PRIMARY KEY, name text UNIQUE NOT NULL, slug text NOT NULL, status text NOT NULL, region_id int REFERENCES regions,
    comments text NOT NULL DEFAULT ''
);
CREATE TABLE devices (
    id serial PRIMARY KEY, site_id int NOT NULL REFERENCES sites, name text NOT NULL, role_id int NOT NULL REFERENCES roles,
    device_type_id int NOT NULL REFERENCES device_types, status text NOT NULL, serial text NOT NULL, position numeric(4, 1),
    UNIQUE (site_id, name)
);
CREATE TABLE interfaces (
    id serial PRIMARY KEY, device_id int NOT NULL REFERENCES devices, name text NOT NULL, type text NOT NULL,
    enabled boolean NOT NULL, mtu int, description text NOT NULL, UNIQUE (device_id, name)
);
CREATE TABLE vlans (
    id serial PRIMARY KEY, site_id int NOT NULL REFERENCES sites, vid int NOT NULL, name text NOT NULL, status text NOT NULL,
    UNIQUE (site_id, vid)
);
CREATE TABLE addresses (address inet PRIMARY KEY, status text NOT NULL, dns_name text NOT NULL);
