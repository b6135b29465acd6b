// The examples that use node-coap are compiled without it.
declare module 'coap';
