CREATE TABLE roles (id serial PRIMARY KEY, title text UNIQUE NOT NULL);
INSERT INTO roles (title) VALUES ('core router'), ('access switch'), ('firewall');
CREATE TABLE sites (id serial PRIMARY KEY, name text UNIQUE NOT NULL, contact_phone text NOT NULL, floor_plan bytea);
-- One table holds whatever stands in a rack; only some of it are devices.
CREATE TABLE assets (
    id serial PRIMARY KEY, site_id int NOT NULL REFERENCES sites, kind text NOT NULL, name text UNIQUE NOT NULL,
    role_id int REFERENCES roles, bought date
);
CREATE TABLE interfaces (
    id serial PRIMARY KEY, asset_id int NOT NULL REFERENCES assets, name text NOT NULL, mtu int NOT NULL, label text NOT NULL,
    enabled boolean NOT NULL, UNIQUE (asset_id, name)
);
INSERT INTO sites (name, contact_phone, floor_plan) VALUES ('nyc', '555-0100', '\x504e47');
INSERT INTO assets (site_id, kind, name, role_id, bought) VALUES
    (1, 'device', 'nyc-rtr-1', 2, '2024-03-01'), (1, 'device', 'nyc-old-1', 1, '2011-05-05'), (1, 'shelf', 'shelf-7', NULL, '2020-01-01');
INSERT INTO interfaces (asset_id, name, mtu, label, enabled) VALUES
    (1, 'ge-0/0/0', 1500, 'to sw-1', true), (2, 'port-1', 1500, '', true);
